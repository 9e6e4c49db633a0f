"""What is of use around training, with the names of torch.utils."""
