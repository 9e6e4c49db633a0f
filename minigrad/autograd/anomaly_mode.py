"""torch.autograd.anomaly_mode's names; the mode is defined in minigrad/anomaly.py."""

from minigrad.anomaly import detect_anomaly, set_detect_anomaly

__all__ = ["detect_anomaly", "set_detect_anomaly"]
