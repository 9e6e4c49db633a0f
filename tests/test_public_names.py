"""The public surface: a name comes or goes only together with this list (and CHANGELOG.md)."""

import importlib
import inspect

import pytest

NAMES = {
    "minigrad": """
        Generator Size Tensor abs absolute acos acosh add addcdiv addcmul addmm adjoint all allclose
        amax amin aminmax any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax
        argmin argsort argwhere as_strided as_tensor asin asinh atan atan2 atanh atleast_1d
        addbmm addmv addr atleast_2d atleast_3d autograd baddbmm bernoulli bincount bitwise_and
        bitwise_not bitwise_or bitwise_xor block_diag bmm bool broadcast_shapes broadcast_tensors
        broadcast_to bucketize cartesian_prod cat cdist ceil celu celu_ cholesky cholesky_inverse
        cholesky_solve chunk clamp clamp_max clamp_min clip clone column_stack combinations concat
        concatenate contiguous_format copysign cos cosh cosine_similarity count_nonzero cuda cummax
        cummin cumprod cumsum data default_generator deg2rad det device diag diag_embed diagflat
        diagonal diff digamma dist div divide dot double dsplit dstack dtype einsum empty empty_like
        enable_grad eq equal erf erfc erfinv exp exp2 explain_grad expm1 eye fix flatten flip fliplr
        flipud float float16 float32 float64 float_power floor floor_divide fmax fmin fmod frac
        from_numpy full full_like func gather ge ger get_default_dtype get_num_threads get_rng_state
        greater greater_equal gt half hardshrink histc histogram hsplit hstack hypot index_add
        index_copy index_fill index_put index_put_ index_select inference_mode initial_seed inner
        int int16 int32 int64 int8 inverse is_anomaly_check_nan_enabled is_anomaly_enabled
        is_complex is_floating_point is_grad_enabled is_inference is_inference_mode_enabled
        is_nonzero is_tensor isclose isfinite isinf isnan kernel_cache kron kthvalue layout le lerp
        less less_equal lgamma linalg linspace log log10 log1p log2 log_softmax logaddexp logaddexp2
        logcumsumexp logdet logical_and logical_not logical_or logical_xor logit logspace logsumexp
        long lt manual_seed masked_fill masked_scatter masked_select matmul matrix_power max maximum
        mean median memory_format meshgrid min minimum mm mode moveaxis movedim msort mul
        multinomial multiply mv nan_to_num nanmean nanmedian nanquantile nansum narrow ne neg
        negative nn no_grad nonzero norm normal not_equal numel ones ones_like optim outer
        pairwise_distance permute polygamma positive pow prelu preserve_format prod qr quantile
        rad2deg rand rand_like randint randint_like randn randn_like random randperm ravel
        reciprocal relu relu_ remainder repeat_interleave reshape return_types roll rot90 round
        row_stack rrelu rrelu_ rsqrt rsub scatter scatter_add scatter_reduce searchsorted seed
        are_deterministic_algorithms_enabled is_deterministic_algorithms_warn_only_enabled
        accelerator backends finfo iinfo pi e inf nan newaxis set_printoptions
        use_deterministic_algorithms save load serialization select select_scatter
        diagonal_scatter selu selu_ set_default_dtype
        set_grad_enabled set_kernel_cache
        set_num_threads set_rng_state sgn short sigmoid sign sin sinc sinh slice_scatter slogdet
        softmax sort split split_with_sizes sqrt square squeeze stack std std_mean strided sub
        subtract sum swapaxes swapdims t take take_along_dim tan tanh tensor tensor_split tensordot
        threshold threshold_ tile topk trace transpose tril tril_indices triu triu_indices
        true_divide trunc uint8 unbind unflatten unique unique_consecutive unsqueeze utils var
        var_mean vdot vmap vsplit vstack where xlogy zeros zeros_like
    """,
    "minigrad.autograd": """
        Function GradcheckError anomaly_mode backward detect_anomaly enable_grad
        explaining forward_ad function functional grad grad_mode gradcheck gradgradcheck
        graph inference_mode no_grad set_detect_anomaly set_grad_enabled
    """,
    "minigrad.autograd.graph": """
        GradientEdge Node allow_mutation_on_saved_tensors disable_saved_tensors_hooks
        get_gradient_edge increment_version register_multi_grad_hook save_on_cpu
        saved_tensors_hooks
    """,
    "minigrad.autograd.forward_ad": """
        UnpackedDualTensor dual_level enter_dual_level exit_dual_level make_dual unpack_dual
    """,
    "minigrad.autograd.function": """
        BackwardCFunction Function FunctionCtx InplaceFunction once_differentiable
    """,
    "minigrad.autograd.functional": """
        hessian hvp jacobian jvp vhp vjp
    """,
    "minigrad.cuda": """
        current_device device_count empty_cache get_device_name get_rng_state get_rng_state_all
        initial_seed is_available manual_seed manual_seed_all seed seed_all set_rng_state
        set_rng_state_all synchronize
    """,
    "minigrad.accelerator": """
        current_accelerator current_device_index device_count is_available synchronize
    """,
    "minigrad.backends": """
        cuda cudnn mps
    """,
    "minigrad.data": """
        FASHION_CLASSES NextCharacters Vocabulary addition addition_vocabulary corpus diabetes
        digits digits_split exact_accuracy fashion_mnist first_names idx_images mnist moons
        read_idx spirals
    """,
    "minigrad.func": """
        functional_call grad grad_and_value hessian jacfwd jacrev jvp linearize stack_module_state
        vjp vmap
    """,
    "minigrad.linalg": """
        LinAlgError cholesky det inv matmul matrix_norm matrix_power multi_dot norm qr slogdet solve
        solve_triangular vecdot vector_norm
    """,
    "minigrad.nn": """
        AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool1d AdaptiveMaxPool2d AlphaDropout
        AvgPool1d AvgPool2d BCELoss BCEWithLogitsLoss BatchNorm1d BatchNorm2d BatchNorm3d
        Bilinear Buffer CELU CTCLoss ChannelShuffle CircularPad1d CircularPad2d CircularPad3d
        ConstantPad1d ConstantPad2d ConstantPad3d Conv1d Conv2d Conv3d ConvTranspose1d
        ConvTranspose2d ConvTranspose3d CosineEmbeddingLoss CosineSimilarity CrossEntropyLoss
        Dropout Dropout1d Dropout2d Dropout3d ELU Embedding EmbeddingBag FeatureAlphaDropout
        Flatten Fold GELU GLU GRU GRUCell GaussianNLLLoss GroupNorm Hardshrink Hardsigmoid
        Hardswish Hardtanh HingeEmbeddingLoss HuberLoss Identity InstanceNorm1d InstanceNorm2d
        InstanceNorm3d KLDivLoss L1Loss LSTM LSTMCell LayerNorm LeakyReLU Linear
        LocalResponseNorm LogSigmoid LogSoftmax MSELoss MarginRankingLoss MaxPool1d MaxPool2d
        Mish Module ModuleDict ModuleList MultiLabelMarginLoss MultiLabelSoftMarginLoss
        MultiMarginLoss MultiheadAttention NLLLoss PReLU PairwiseDistance Parameter
        ParameterDict ParameterList PixelShuffle PixelUnshuffle PoissonNLLLoss RMSNorm RNN
        RNNBase RNNCell RNNCellBase RReLU ReLU ReLU6 ReflectionPad1d ReflectionPad2d
        ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d SELU Sequential SiLU
        Sigmoid SmoothL1Loss SoftMarginLoss Softmax Softmax2d Softmin Softplus Softshrink
        Softsign Tanh Tanhshrink Threshold Transformer TransformerDecoder
        TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer TripletMarginLoss
        TripletMarginWithDistanceLoss Unflatten Unfold Upsample UpsamplingBilinear2d
        UpsamplingNearest2d ZeroPad1d ZeroPad2d ZeroPad3d functional init utils
    """,
    "minigrad.nn.functional": """
        adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool1d adaptive_max_pool2d
        alpha_dropout avg_pool1d avg_pool2d batch_norm bilinear binary_cross_entropy
        binary_cross_entropy_with_logits celu celu_ conv1d conv2d conv3d conv_transpose1d
        conv_transpose2d conv_transpose3d cosine_embedding_loss cosine_similarity cross_entropy
        ctc_loss dropout dropout1d dropout2d dropout3d elu elu_ embedding feature_alpha_dropout
        fold gaussian_nll_loss gelu glu group_norm hardshrink hardsigmoid hardswish hardtanh
        hardtanh_ hinge_embedding_loss huber_loss instance_norm interpolate kl_div l1_loss
        embedding_bag
        layer_norm leaky_relu leaky_relu_ linear local_response_norm log_softmax logsigmoid
        margin_ranking_loss max_pool1d max_pool2d mish mse_loss multi_margin_loss
        multilabel_margin_loss multilabel_soft_margin_loss nll_loss normalize one_hot pad
        pairwise_distance pixel_shuffle pixel_unshuffle poisson_nll_loss prelu relu relu6 relu_
        rms_norm rrelu rrelu_ scaled_dot_product_attention selu selu_ sigmoid silu smooth_l1_loss
        soft_margin_loss softmax softmin softplus softshrink softsign tanh tanhshrink threshold
        threshold_ triplet_margin_loss triplet_margin_with_distance_loss unfold
        multi_head_attention_forward
    """,
    "minigrad.nn.init": """
        calculate_gain constant_ dirac_ eye_ kaiming_normal_ kaiming_uniform_ normal_ ones_
        orthogonal_ sparse_ trunc_normal_ uniform_ xavier_normal_ xavier_uniform_ zeros_
    """,
    "minigrad.nn.utils": """
        clip_grad_norm_ clip_grad_value_ clip_grads_with_norm_ get_total_norm parameters_to_vector
        parametrizations parametrize rnn vector_to_parameters
    """,
    "minigrad.nn.utils.parametrizations": """
        spectral_norm weight_norm
    """,
    "minigrad.nn.utils.parametrize": """
        ParametrizationList cached is_parametrized register_parametrization
        remove_parametrizations type_before_parametrizations
    """,
    "minigrad.nn.utils.rnn": """
        PackedSequence invert_permutation pack_padded_sequence pack_sequence pad_packed_sequence
        pad_sequence unpack_sequence unpad_sequence
    """,
    "minigrad.optim": """
        Adadelta Adagrad Adam AdamW Adamax LBFGS NAdam Optimizer RAdam RMSprop SGD lr_scheduler
        swa_utils
    """,
    "minigrad.optim.lr_scheduler": """
        ChainedScheduler ConstantLR CosineAnnealingLR CosineAnnealingWarmRestarts CyclicLR
        ExponentialLR LRScheduler LambdaLR LinearLR MultiStepLR MultiplicativeLR OneCycleLR
        PolynomialLR ReduceLROnPlateau SequentialLR StepLR
    """,
    "minigrad.optim.swa_utils": """
        AveragedModel SWALR get_ema_avg_fn get_ema_multi_avg_fn get_swa_avg_fn get_swa_multi_avg_fn
        update_bn
    """,
    "minigrad.random": """
        fork_rng get_rng_state initial_seed manual_seed seed set_rng_state
    """,
    "minigrad.serialization": """
        load npz safetensors save
    """,
    "minigrad.utils.checkpoint": """
        CheckpointError CheckpointFunction check_backward_validity checkpoint
        checkpoint_sequential detach_variable noop_context_fn set_checkpoint_debug_enabled
        set_checkpoint_early_stop
    """,
    "minigrad.utils.data": """
        BatchSampler ChainDataset ConcatDataset DataLoader Dataset IterableDataset RandomSampler
        Sampler SequentialSampler StackDataset Subset SubsetRandomSampler TensorDataset
        WeightedRandomSampler default_collate default_convert get_worker_info random_split
    """,
    "visualize": """
        Graph backward_graph
    """,
}

# What torch does not have under this name.
OUR_OWN = {
    "minigrad": {"data", "explain_grad", "kernel_cache", "set_kernel_cache"},
    "minigrad.autograd": {"GradcheckError", "explaining"},
    "minigrad.serialization": {"npz", "safetensors"},
}


def public_names(module_name: str) -> list[str]:
    """What a module offers: its __all__, or else all of its names but modules and _private ones."""
    module = importlib.import_module(module_name)
    if hasattr(module, "__all__"):
        assert len(set(module.__all__)) == len(module.__all__)
        return sorted(module.__all__)
    names = vars(module).items()
    return sorted(name for name, value in names if name[0] != "_" and not inspect.ismodule(value))


@pytest.mark.parametrize("module", NAMES)
def test_public_names(module: str) -> None:
    names = public_names(module)
    assert names == sorted(NAMES[module].split())
    assert all(hasattr(importlib.import_module(module), name) for name in names)


@pytest.mark.parametrize("module", NAMES)
def test_help_has_something_to_say_of_every_function(module: str) -> None:
    offered = [getattr(importlib.import_module(module), name) for name in NAMES[module].split()]
    functions = [thing for thing in offered if callable(thing)]
    assert [f.__name__ for f in functions if not inspect.getdoc(f)] == []


@pytest.mark.parity
@pytest.mark.parametrize("module", [name for name in NAMES if name.startswith("minigrad")])
def test_torch_has_every_name_that_is_not_our_own(module: str) -> None:
    pytest.importorskip("torch")
    if module == "minigrad.data":
        return
    theirs = importlib.import_module(module.replace("minigrad", "torch", 1))
    missing = {name for name in NAMES[module].split() if not hasattr(theirs, name)}
    assert missing == OUR_OWN.get(module, set())
