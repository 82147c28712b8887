"""The suite's workloads, one file each."""

# In the order of the table. Each name is a module of this package.
WORKLOADS = (
    "tiny_mlp", "mnist_mlp", "digits_cnn", "resnet18", "mobilenet", "lstm", "gpt", "bert", "vit", "recommender",
    "elementwise", "solver", "changing_length", "sampling",
)  # fmt: skip
