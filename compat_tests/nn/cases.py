"""Layers and losses with arguments and inputs, as text that both libraries evaluate."""

# Name of the class, arguments of the constructor, arguments of the call. In the last, x(...) is a differentiable
# input of normal numbers, u(...) one of uniform numbers, i(n, ...) integers below n, s(...) signs, t(...) any tensor.
LAYERS = [
    ("Identity", "54, a=3", "x(2, 3)"),
    ("Linear", "3, 4", "x(2, 3)"),
    ("Linear", "3, 4, bias=False", "x(2, 5, 3)"),
    ("Linear", "30, 40, dtype=torch.float64", "x(2, 30).double()"),
    ("Bilinear", "2, 3, 4", "x(5, 2), x(5, 3)"),
    ("Bilinear", "2, 3, 4, False", "x(5, 2), x(5, 3)"),
    ("Conv1d", "4, 6, 3", "x(2, 4, 9)"),
    ("Conv1d", "4, 6, 3, stride=2, padding=1, groups=2", "x(4, 9)"),
    ("Conv1d", "4, 6, 4, padding='same', dilation=2, padding_mode='circular'", "x(2, 4, 12)"),
    ("Conv2d", "3, 8, 3", "x(2, 3, 8, 8)"),
    ("Conv2d", "3, 8, (3, 2), (2, 1), (1, 0), (1, 2), bias=False", "x(2, 3, 8, 8)"),
    ("Conv2d", "4, 4, 3, padding='same', groups=4", "x(1, 4, 5, 6)"),
    ("Conv2d", "4, 4, 3, padding='valid'", "x(1, 4, 5, 6)"),
    ("Conv2d", "2, 2, 3, padding=(1, 2), padding_mode='reflect'", "x(1, 2, 5, 6)"),
    ("Conv2d", "2, 2, 3, padding=2, padding_mode='replicate'", "x(2, 5, 6)"),
    ("Conv3d", "2, 4, 3, padding=1", "x(1, 2, 4, 4, 4)"),
    ("Conv3d", "2, 4, (1, 2, 3), stride=2, padding_mode='circular', padding=1", "x(1, 2, 4, 4, 4)"),
    ("ConvTranspose1d", "2, 4, 3, stride=2, padding=1, output_padding=1", "x(1, 2, 5)"),
    ("ConvTranspose2d", "4, 2, 3, stride=2, groups=2, dilation=2", "x(1, 4, 5, 5)"),
    ("ConvTranspose2d", "2, 2, 3, stride=2", "x(1, 2, 5, 5), [12, 12]"),
    ("ConvTranspose3d", "2, 2, 2, stride=2, bias=False", "x(1, 2, 3, 3, 3)"),
    ("BatchNorm1d", "3", "x(5, 3)"),
    ("BatchNorm1d", "3, momentum=None", "x(5, 3, 4)"),
    ("BatchNorm1d", "3, affine=False", "x(5, 3)"),
    ("BatchNorm1d", "3, bias=False", "x(5, 3)"),
    ("BatchNorm2d", "3, eps=1e-3, momentum=0.3", "x(2, 3, 4, 4)"),
    ("BatchNorm2d", "3, track_running_stats=False", "x(2, 3, 4, 4)"),
    ("BatchNorm3d", "3", "x(2, 3, 2, 2, 2)"),
    ("InstanceNorm1d", "3", "x(2, 3, 5)"),
    ("InstanceNorm1d", "3, affine=True", "x(3, 5)"),
    ("InstanceNorm2d", "3, affine=True, track_running_stats=True", "x(2, 3, 4, 4)"),
    ("InstanceNorm3d", "3, affine=True, bias=False", "x(2, 3, 2, 2, 2)"),
    ("LayerNorm", "4", "x(2, 3, 4)"),
    ("LayerNorm", "(3, 4), bias=False", "x(2, 3, 4)"),
    ("LayerNorm", "4, elementwise_affine=False", "x(2, 3, 4)"),
    ("GroupNorm", "2, 6", "x(2, 6, 5)"),
    ("GroupNorm", "3, 6, bias=False", "x(2, 6, 3, 3)"),
    ("GroupNorm", "1, 6, affine=False", "x(2, 6)"),
    ("RMSNorm", "4", "x(2, 3, 4)"),
    ("RMSNorm", "[3, 4], eps=1e-3, elementwise_affine=False", "x(2, 3, 4)"),
    ("LocalResponseNorm", "2", "x(2, 5, 4)"),
    ("AdaptiveLogSoftmaxWithLoss", "8, 10, [3, 6], div_value=2.0", "x(4, 8), i(10, 4)"),
    ("LocalResponseNorm", "3, alpha=0.1, beta=0.5, k=2.0", "x(2, 5, 3, 3)"),
    ("CrossMapLRN2d", "3", "x(2, 5, 3, 3)"),
    ("CrossMapLRN2d", "4, alpha=0.1, beta=0.5, k=2.0", "x(1, 6, 2, 3)"),
    ("Dropout", "", "x(4, 5)"),
    ("Dropout", "0.3", "x(100)"),
    ("Dropout1d", "0.4", "x(3, 5, 2)"),
    ("Dropout2d", "0.4", "x(3, 5, 2, 2)"),
    ("Dropout3d", "0.4", "x(3, 5, 2, 2, 2)"),
    ("AlphaDropout", "0.4", "x(40)"),
    ("FeatureAlphaDropout", "0.4", "x(3, 5, 2)"),
    ("Embedding", "7, 3", "i(7, 2, 4)"),
    ("Embedding", "7, 3, padding_idx=-1", "torch.tensor([0, 6, 6, 2])"),
    ("Embedding", "7, 3, 2, 1.0, 1.0, True", "torch.tensor([1, 1, 2])"),
    ("Embedding", "7, 3, sparse=False, _freeze=True", "i(7, 2)"),
    ("EmbeddingBag", "7, 3", "i(7, 2, 4)"),
    ("EmbeddingBag", "7, 3, mode='sum', padding_idx=2", "i(7, 6), torch.tensor([0, 2, 2])"),
    ("EmbeddingBag", "7, 3, mode='max', include_last_offset=True", "i(7, 6), torch.tensor([0, 2, 6])"),
    ("EmbeddingBag", "7, 3, padding_idx=2", "i(3, 5, 3)"),
    ("EmbeddingBag", "7, 3, mode='max', padding_idx=2", "i(3, 5, 3)"),
    ("EmbeddingBag", "7, 3, include_last_offset=True", "i(7, 2, 3)"),
    ("EmbeddingBag", "7, 3, 1.0, 1.0, mode='sum'", "i(7, 2, 3), None, x(2, 3)"),
    ("MultiheadAttention", "4, 2", "x(5, 2, 4), x(3, 2, 4), x(3, 2, 4)"),
    ("MultiheadAttention", "4, 2, batch_first=True, bias=False", "x(2, 5, 4), x(2, 3, 4), x(2, 3, 4), None, False"),
    (
        "MultiheadAttention",
        "4, 2, add_bias_kv=True, add_zero_attn=True, kdim=3, vdim=5",
        "x(5, 2, 4), x(3, 2, 3), x(3, 2, 5), torch.tensor([[False, True, False]] * 2), True, None, False",
    ),
    ("MultiheadAttention", "4, 2, dropout=0.4", "x(5, 4), x(5, 4), x(5, 4), None, True, t(5, 5).triu(1) > 0"),
    ("TransformerEncoderLayer", "4, 2, 8", "x(5, 2, 4)"),
    ("TransformerEncoderLayer", "4, 2, 8, 0.0, 'gelu', norm_first=True", "x(5, 4), t(5, 5).triu(1) * -2"),
    (
        "TransformerEncoderLayer",
        "4, 2, 8, batch_first=True, bias=False, activation=torch.tanh",
        "x(2, 3, 4), t(3, 3).triu(1) > 0, torch.tensor([[False, True, False]] * 2)",
    ),
    ("TransformerEncoderLayer", "4, 2, 8, 0.0, torch.nn.GELU()", "x(3, 2, 4), t(3, 3).tril().log(), None, True"),
    ("TransformerEncoder", "torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2", "x(2, 5, 4)"),
    (
        "TransformerEncoder",
        "torch.nn.TransformerEncoderLayer(4, 2, 8), 2, torch.nn.LayerNorm(4), False",
        "x(3, 2, 4), None, torch.tensor([[False, True, False], [False, False, True]])",
    ),
    (
        "TransformerEncoder",
        "torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2, torch.nn.LayerNorm(4, eps=0.1)",
        "x(2, 3, 4), None, torch.tensor([[False, False, False], [False, False, True]])",
    ),
    (
        "TransformerEncoder",
        "torch.nn.TransformerEncoderLayer(4, 2, 8), 1, enable_nested_tensor=False",
        "x(3, 2, 4), torch.nn.Transformer.generate_square_subsequent_mask(3), None, True",
    ),
    ("TransformerDecoderLayer", "4, 2, 8", "x(5, 2, 4), x(3, 2, 4)"),
    (
        "TransformerDecoderLayer",
        "4, 2, 8, 0.0, torch.nn.ReLU(), batch_first=True, norm_first=True, bias=False",
        "x(2, 3, 4), x(2, 5, 4), t(3, 3).triu(1) > 0, t(3, 5) * 2, torch.tensor([[False, False, True]] * 2), "
        "t(2, 5) * -1",
    ),
    (
        "TransformerDecoder",
        "torch.nn.TransformerDecoderLayer(4, 2, 8), 2, torch.nn.LayerNorm(4)",
        "x(3, 4), x(5, 4), t(3, 3).tril().log(), None, None, None, True",
    ),
    (
        "TransformerDecoder",
        "torch.nn.TransformerDecoderLayer(4, 2, 8, dtype=torch.float64), 1",
        "*[x(3, 4).double()] * 2",
    ),
    ("Transformer", "4, 2, 2, 1, 8, batch_first=True", "x(2, 5, 4), x(2, 3, 4)"),
    (
        "Transformer",
        "4, 2, 1, 2, 8, 0.0, norm_first=True, bias=False",
        "x(5, 2, 4), x(3, 2, 4), t(5, 5), t(3, 3).triu(1) > 0, t(3, 5).tril() * -1, None, None, None, None, True",
    ),
    ("MaxPool1d", "2", "x(2, 3, 8)"),
    ("MaxPool1d", "3, 1, 1, 2, True", "x(3, 8)"),
    ("MaxPool2d", "2", "x(2, 3, 8, 8)"),
    ("MaxPool2d", "(3, 2), 2, 1, ceil_mode=True", "x(2, 3, 8, 7)"),
    ("MaxPool3d", "2, 1", "x(1, 2, 4, 4, 4)"),
    ("MaxUnpool1d", "2", "x(1, 2, 3), torch.tensor([[[0, 3, 5], [1, 2, 4]]])"),
    ("MaxUnpool2d", "2, 2", "x(1, 1, 2, 2), torch.tensor([[[[0, 3], [9, 14]]]])"),
    ("MaxUnpool3d", "2", "x(1, 1, 1, 1, 2), torch.tensor([[[[[5, 10]]]]])"),
    ("AvgPool1d", "2", "x(2, 3, 8)"),
    ("AvgPool1d", "3, 2, 1, True, False", "x(3, 8)"),
    ("AvgPool2d", "2", "x(2, 3, 8, 8)"),
    ("AvgPool2d", "3, 2, 1, True, False, 5", "x(2, 3, 8, 8)"),
    ("AvgPool3d", "(1, 2, 3)", "x(1, 2, 4, 4, 6)"),
    ("LPPool1d", "2, 3", "u(2, 3, 9)"),
    ("LPPool2d", "1.2, (3, 2), stride=(2, 1)", "u(1, 2, 7, 8)"),
    ("LPPool3d", "3, 2", "u(1, 2, 4, 4, 4)"),
    ("AdaptiveMaxPool1d", "3", "x(1, 2, 7)"),
    ("FractionalMaxPool2d", "3, output_size=(4, 5)", "x(2, 3, 9, 10)"),
    ("FractionalMaxPool2d", "2, output_ratio=0.5, return_indices=True", "x(2, 8, 8)"),
    ("FractionalMaxPool3d", "(2, 1, 2), output_size=3", "x(1, 2, 6, 6, 6)"),
    ("AdaptiveMaxPool2d", "(3, None), return_indices=True", "x(1, 2, 7, 5)"),
    ("AdaptiveMaxPool3d", "2", "x(1, 2, 4, 5, 3)"),
    ("AdaptiveAvgPool1d", "3", "x(1, 2, 7)"),
    ("AdaptiveAvgPool2d", "(None, 3)", "x(1, 2, 7, 5)"),
    ("AdaptiveAvgPool2d", "1", "x(2, 7, 5)"),
    ("AdaptiveAvgPool3d", "(1, 2, 3)", "x(1, 2, 4, 5, 3)"),
    *(
        (name, "", "x(4, 5)")
        for name in (
            "ReLU ReLU6 LeakyReLU PReLU ELU SELU CELU GELU SiLU Mish Tanh Sigmoid LogSigmoid Softplus Softsign "
            "Hardtanh Hardswish Hardsigmoid Tanhshrink Softshrink Hardshrink"
        ).split()
    ),
    *(
        (name, "inplace=True", "x(4, 5) * 1")
        for name in "ReLU ReLU6 ELU SELU CELU SiLU Mish Hardswish Hardtanh".split()
    ),
    ("LeakyReLU", "0.3, inplace=True", "x(4, 5) * 1"),
    ("PReLU", "3, init=0.1", "x(2, 3, 4)"),
    ("ELU", "0.5", "x(4, 5)"),
    ("CELU", "0.5", "x(4, 5)"),
    ("GELU", "'tanh'", "x(4, 5)"),
    ("Softplus", "2, 1", "x(4, 5)"),
    ("Hardtanh", "-0.3, 0.4", "x(4, 5)"),
    ("Threshold", "0.1, 20", "x(4, 5)"),
    ("Softshrink", "0.2", "x(4, 5)"),
    ("Hardshrink", "0.2", "x(4, 5)"),
    ("RReLU", "", "x(4, 5)"),
    ("RReLU", "0.2, 0.2", "x(4, 5)"),
    ("GLU", "", "x(4, 6)"),
    ("GLU", "0", "x(4, 6)"),
    ("Softmax", "dim=-1", "x(4, 6)"),
    ("Softmax", "0", "x(4, 6)"),
    ("LogSoftmax", "dim=1", "x(4, 6)"),
    ("Softmin", "dim=1", "x(4, 6)"),
    ("Softmax2d", "", "x(1, 3, 2, 2)"),
    ("Flatten", "", "x(2, 3, 4)"),
    ("Flatten", "0, 1", "x(2, 3, 4)"),
    ("Unflatten", "1, (2, 3)", "x(4, 6)"),
    ("Unflatten", "-1, [-1, 3]", "x(4, 6)"),
    *((f"ConstantPad{d}d", "1, 2.5", f"x(1, 2{', 3' * d})") for d in (1, 2, 3)),
    *(
        (f"{kind}Pad{d}d", "1", f"x(1, 2{', 3' * d})")
        for d in (1, 2, 3)
        for kind in ("Zero", "Replication", "Circular")
    ),
    *((f"ReflectionPad{d}d", "1", f"x(1, 2{', 3' * d})") for d in (1, 2, 3)),
    ("ConstantPad2d", "(1, -1, 0, 2), 0.5", "x(1, 2, 3, 3)"),
    ("ZeroPad2d", "(1, 0, 0, 2)", "x(2, 3, 3)"),
    ("Upsample", "scale_factor=2", "x(1, 2, 3)"),
    ("Upsample", "(4, 5), mode='bilinear', align_corners=True", "x(1, 2, 3, 3)"),
    ("Upsample", "scale_factor=(2, 3), mode='bilinear'", "x(1, 2, 3, 3)"),
    ("UpsamplingNearest2d", "scale_factor=2", "x(1, 2, 3, 3)"),
    ("UpsamplingBilinear2d", "5", "x(1, 2, 3, 3)"),
    ("PixelShuffle", "2", "x(1, 8, 3, 3)"),
    ("ChannelShuffle", "2", "x(1, 4, 3, 3)"),
    ("Fold", "(4, 5), (2, 2)", "x(2, 12, 12)"),
    ("Fold", "(6, 6), 3, padding=1, stride=2", "x(1, 18, 9)"),
    ("Unfold", "(2, 3)", "x(2, 5, 3, 4)"),
    ("Unfold", "3, dilation=2, padding=2, stride=(1, 2)", "x(2, 3, 6, 7)"),
    ("PixelUnshuffle", "2", "x(1, 2, 4, 6)"),
    ("CosineSimilarity", "", "x(4, 3), x(4, 3)"),
    ("CosineSimilarity", "dim=0, eps=1e-6", "x(4, 3), x(4, 3)"),
    ("PairwiseDistance", "", "x(4, 3), x(4, 3)"),
    ("PairwiseDistance", "p=1, keepdim=True", "x(4, 3), x(4, 3)"),
    *(
        (name, arguments, call)
        for name in ("RNN", "GRU", "LSTM")
        for arguments, call in [
            ("3, 4", "x(5, 2, 3)"),
            ("3, 4, num_layers=2, bidirectional=True, bias=False", "x(5, 2, 3)"),
            ("3, 4, 2, batch_first=True, dropout=0.4", "x(2, 5, 3)"),
            ("3, 4, 3, bidirectional=True, dropout=0.4", "x(5, 2, 3)"),
            ("3, 4, dtype=torch.float64", "x(5, 3).double()"),
            ("3, 4, batch_first=True", "x(5, 3)"),
        ]
    ),
    ("RNN", "3, 4, 2, 'relu'", "x(5, 2, 3), x(2, 2, 4)"),
    ("RNN", "3, 4, nonlinearity='relu', bidirectional=True", "x(5, 3), x(2, 4)"),
    ("GRU", "3, 4, 2", "x(5, 2, 3), x(2, 2, 4)"),
    ("LSTM", "3, 4, 2, bidirectional=True", "x(5, 2, 3), (x(4, 2, 4), x(4, 2, 4))"),
    ("LSTM", "3, 4, 2, proj_size=2, bidirectional=True", "x(5, 2, 3)"),
    ("LSTM", "3, 4, proj_size=2, bias=False", "x(5, 3), (x(1, 2), x(1, 4))"),
    *((f"{name}Cell", "3, 4", "x(2, 3)") for name in ("RNN", "GRU", "LSTM")),
    *((f"{name}Cell", "3, 4, bias=False", "x(3)") for name in ("RNN", "GRU", "LSTM")),
    *((f"{name}Cell", "3, 4", "x(2, 3), x(2, 4)") for name in ("RNN", "GRU")),
    ("RNNCell", "3, 4, nonlinearity='relu'", "x(3), x(4)"),
    ("LSTMCell", "3, 4, dtype=torch.float64", "x(2, 3).double(), (x(2, 4).double(), x(2, 4).double())"),
    ("LSTMCell", "3, 4", "x(3), (x(4), x(4))"),
]

LOSSES = [
    ("L1Loss", "", "x(4, 3), x(4, 3)"),
    ("MSELoss", "", "x(4, 3), x(4, 3)"),
    ("LinearCrossEntropyLoss", "3, 4, bias=True", "x(5, 3), i(4, 5)"),
    ("SmoothL1Loss", "", "x(4, 3), x(4, 3)"),
    ("SmoothL1Loss", "beta=0.3", "x(4, 3), x(4, 3)"),
    ("HuberLoss", "delta=0.4", "x(4, 3), x(4, 3)"),
    ("CrossEntropyLoss", "", "x(4, 3), i(3, 4)"),
    ("CrossEntropyLoss", "label_smoothing=0.1", "x(4, 3, 2), i(3, 4, 2)"),
    ("CrossEntropyLoss", "torch.tensor([1.0, 2.0, 0.5])", "x(4, 3), torch.tensor([0, 2, -100, 1])"),
    ("CrossEntropyLoss", "ignore_index=1", "x(4, 3), i(3, 4)"),
    ("CrossEntropyLoss", "label_smoothing=0.2", "x(4, 3), u(4, 3).softmax(1)"),
    ("NLLLoss", "", "x(4, 3).log_softmax(1), i(3, 4)"),
    ("NLLLoss", "torch.tensor([1.0, 2.0, 0.5]), ignore_index=2", "x(4, 3, 2), i(3, 4, 2)"),
    ("BCELoss", "", "u(4, 3), i(2, 4, 3).float()"),
    ("BCELoss", "torch.tensor([1.0, 2.0, 0.5])", "u(4, 3), i(2, 4, 3).float()"),
    ("BCEWithLogitsLoss", "", "x(4, 3), i(2, 4, 3).float()"),
    (
        "BCEWithLogitsLoss",
        "torch.tensor([1.0, 2.0, 0.5]), pos_weight=torch.tensor([2.0])",
        "x(4, 3), i(2, 4, 3).float()",
    ),
    ("KLDivLoss", "reduction='batchmean'", "x(4, 3).log_softmax(1), u(4, 3).softmax(1)"),
    ("KLDivLoss", "log_target=True, reduction='sum'", "x(4, 3).log_softmax(1), x(4, 3).log_softmax(1)"),
    ("PoissonNLLLoss", "", "x(4, 3), i(5, 4, 3).float()"),
    ("PoissonNLLLoss", "False, True", "u(4, 3), i(5, 4, 3).float()"),
    ("GaussianNLLLoss", "", "x(4, 3), x(4, 3), u(4, 3)"),
    ("GaussianNLLLoss", "full=True, eps=0.1", "x(4, 3), x(4, 3), u(4, 1)"),
    ("CosineEmbeddingLoss", "margin=0.2", "x(4, 3), x(4, 3), s(4)"),
    ("MarginRankingLoss", "margin=0.2", "x(4), x(4), s(4)"),
    ("HingeEmbeddingLoss", "margin=0.7", "x(4, 3), s(4, 3)"),
    ("SoftMarginLoss", "", "x(4, 3), s(4, 3)"),
    ("MultiLabelSoftMarginLoss", "", "x(4, 3), i(2, 4, 3).float()"),
    ("MultiLabelSoftMarginLoss", "torch.tensor([1.0, 2.0, 0.5])", "x(4, 3), i(2, 4, 3).float()"),
    ("MultiLabelMarginLoss", "", "x(2, 4), torch.tensor([[3, 0, -1, 1], [1, 2, 0, -1]])"),
    ("MultiMarginLoss", "p=2, margin=0.7", "x(4, 3), i(3, 4)"),
    ("TripletMarginLoss", "", "x(4, 3), x(4, 3), x(4, 3)"),
    ("TripletMarginLoss", "margin=2.0, p=1, swap=True", "x(4, 3), x(4, 3), x(4, 3)"),
    ("TripletMarginWithDistanceLoss", "", "x(4, 3), x(4, 3), x(4, 3)"),
    ("CTCLoss", "", "x(8, 2, 4).log_softmax(2), i(3, 2, 3) + 1, torch.tensor([8, 7]), torch.tensor([3, 2])"),
]
REDUCTIONS = [
    (name, f"{arguments}{', ' if arguments else ''}reduction={reduction!r}", call)
    for name, arguments, call in LOSSES
    if "reduction" not in arguments
    for reduction in ("sum", "none")
]

# Constructors that fail, or warn.
REFUSED = [
    ("Linear", "0, 3"),
    ("Linear", "3, 0"),
    ("Bilinear", "0, 3, 4"),
    *((conv, arguments) for conv in ("Conv1d", "Conv2d") for arguments in ("4, 4, 3, groups=0", "4, 4, 3, groups=3")),
    ("Conv2d", "0, 4, 3"),
    ("Conv2d", "4, 6, 3, groups=4"),
    ("Conv2d", "4, 4, 3, padding='same', stride=2"),
    ("ConvTranspose2d", "4, 4, 3, padding_mode='circular'"),
    ("GroupNorm", "2, 3"),
    ("Dropout", "1.5"),
    ("Dropout", "-0.1"),
    ("EmbeddingBag", "3, 2, padding_idx=3"),
    ("EmbeddingBag", "3, 2, _weight=torch.zeros(2, 2)"),
    ("MultiheadAttention", "5, 2"),
    ("MultiheadAttention", "4, 0"),
    ("TransformerEncoderLayer", "5, 2"),
    ("TransformerEncoderLayer", "4, 2, activation='x'"),
    ("TransformerDecoderLayer", "4, 2, activation='x'"),
    ("Transformer", "4, 2, 1, 1, 8, custom_encoder=torch.nn.Identity(), custom_decoder=torch.nn.Identity()"),
    ("TransformerEncoder", "torch.nn.Linear(3, 3), 2"),
    *(
        ("TransformerEncoder", f"torch.nn.TransformerEncoderLayer({arguments}), 1")
        for arguments in (
            "6, 2, 8",
            "6, 3, 8, batch_first=True",
            "6, 2, 8, norm_first=True",
            "6, 2, 8, batch_first=True, bias=False",
            "6, 3, 8, batch_first=True, activation=torch.tanh",
        )
    ),
    ("Embedding", "3, 2, padding_idx=3"),
    ("Embedding", "3, 2, padding_idx=-4"),
    ("Embedding", "3, 2, _weight=torch.zeros(2, 2)"),
    ("Hardtanh", "2, 1"),
    ("Hardtanh", "min_value=0, max_value=3"),
    ("MSELoss", "size_average=False"),
    ("MSELoss", "reduce=False"),
    ("MultiMarginLoss", "p=3"),
    ("MultiMarginLoss", "weight=torch.ones(2, 2)"),
    ("TripletMarginLoss", "margin=-1"),
    ("TripletMarginWithDistanceLoss", "margin=-1"),
    ("NLLLoss2d", ""),
    ("Unflatten", "1, 3"),
    ("Unflatten", "1, ('a', 3)"),
    *(
        ("LSTM", arguments)
        for arguments in (
            "3, 4, dropout=2",
            "3, 4, dropout=True",
            "3, 4, dropout=0.5",
            "3, 0",
            "3, 4, 0",
            "3, 4.5",
            "3.0, 4",
            "3, 4, proj_size=-1",
            "3, 4, proj_size=4",
        )
    ),
    ("GRU", "3, 4, proj_size=2"),
    ("RNN", "3, 4, proj_size=2"),
    ("RNN", "3, 4, nonlinearity='x'"),
    ("RNNBase", "'FOO', 3, 4"),
]

# Calls whose input has a wrong number of dimensions or of channels.
WRONG_INPUTS = [
    *(
        (f"{norm}Norm{d}d", "3", f"t({', '.join('3' * n)})")
        for norm in ("Batch", "Instance")
        for d in (1, 2, 3)
        for n in (1, d, d + 3)
    ),
    *((f"CircularPad{d}d", "1", f"t({', '.join('3' * n)})") for d in (1, 2, 3) for n in (d, d + 3)),
    ("InstanceNorm1d", "4", "t(2, 3, 4)"),
    ("InstanceNorm1d", "4, affine=True", "t(2, 3, 4)"),
    ("Softmax2d", "", "t(2, 2)"),
    ("ConvTranspose2d", "4, 4, 3, stride=2", "t(1, 4, 5, 5), [1, 12, 12]"),
    ("ConvTranspose2d", "4, 4, 3, stride=2", "t(1, 4, 5, 5), [20, 12]"),
    ("MSELoss", "reduction='foo'", "t(2), t(2)"),
    *(
        (name, "3, 4, 2", call)
        for name in ("RNN", "GRU", "LSTM")
        for call in ("t(5, 2, 7)", "t(3)", "t(1, 5, 2, 3)", "t(5, 2, 3).double()", "t(5, 2, 3).long()", "t(0, 2, 3)")
    ),
    *(
        (name, "3, 4, 2", f"t({given}), t({state})")
        for name in ("RNN", "GRU")
        for given, state in (("5, 2, 3", "2, 2, 5"), ("5, 2, 3", "2, 4"), ("5, 3", "2, 2, 4"))
    ),
    *(
        ("LSTM", "3, 4, 2", f"t({given}), (t({h}), t({c}))")
        for given, h, c in (
            ("5, 2, 3", "2, 2, 5", "2, 2, 4"),
            ("5, 2, 3", "2, 2, 4", "2, 2, 5"),
            ("5, 2, 3", "2, 4", "2, 4"),
            ("5, 3", "2, 2, 4", "2, 2, 4"),
        )
    ),
    *(
        (f"{name}Cell", "3, 4", call)
        for name in ("RNN", "GRU", "LSTM")
        for call in ("t(2, 7)", "t(7)", "t(1, 2, 3)", "t(2, 3).double()")
    ),
    *(
        (f"{name}Cell", "3, 4", f"t(2, 3), t({state})")
        for name in ("RNN", "GRU")
        for state in ("2, 5", "4, 4", "1, 2, 4")
    ),
    ("LSTMCell", "3, 4", "t(2, 3), (t(1, 2, 4), t(1, 2, 4))"),
    *(
        ("Transformer", "4, 2, 1, 1, 8", call)
        for call in (
            "t(5, 2, 4), t(3, 3, 4)",
            "t(5, 3), t(3, 4)",
            "t(5, 2, 4), t(3, 2, 4), t(5, 5).long()",
            "t(5, 2, 4), t(3, 2, 4), t(5, 5), None, None, t(2, 5) > 0",
        )
    ),
    ("TransformerEncoderLayer", "4, 2, 8", "t(5, 2, 4), t(5, 5).long()"),
    ("TransformerEncoderLayer", "4, 2, 8", "t(5, 2, 4), None, t(2, 5).long()"),
    ("TransformerDecoderLayer", "4, 2, 8", "t(5, 2, 4), t(5, 2, 4), t(5, 5).long()"),
    ("TransformerDecoderLayer", "4, 2, 8", "t(5, 2, 4), t(5, 2, 4), t(5, 5), None, t(2, 5) > 0"),
    ("RNNCell", "3, 4, nonlinearity='x'", "t(2, 3)"),
]
