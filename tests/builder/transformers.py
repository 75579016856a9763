"""The transformers among the well-known networks, and the MLP-Mixer."""

from __future__ import annotations

from typing import Any

from tests.builder.network_writer import NetworkWriter, chain, written


def encoder(
    width: int, heads: int, first: bool, causal: bool = False, eps: float = 1e-5, gelu: str = "none"
) -> NetworkWriter:
    """Attention and a feed-forward network, each with a skip connection; `first`: normalised before them."""
    block = NetworkWriter()
    x = block("x", "Input")
    norm = {"eps": eps}
    h = block("norm1", "LayerNorm", x, **norm) if first else x
    h = block("attention", "MultiheadAttention", h, num_heads=heads, causal=causal)
    x = block("sum1", "Add", x, h)
    x = x if first else block("norm1", "LayerNorm", x, **norm)
    h = block("norm2", "LayerNorm", x, **norm) if first else x
    h = chain(
        block,
        h,
        ("wide", "Linear", {"out_features": 4 * width}),
        ("act", "GELU", {"approximate": gelu}),
        ("narrow", "Linear", {"out_features": width}),
    )
    x = block("sum2", "Add", x, h)
    block("result", "Output", x if first else block("norm2", "LayerNorm", x, **norm))
    return block


def patches(net: NetworkWriter, width: int) -> str:
    """An image as a sequence of 14 × 14 patches of 16 × 16 pixels."""
    x = net("image", "Input", shape=[3, 224, 224])
    return chain(
        net,
        x,
        ("patches", "Conv2d", {"out_channels": width, "kernel_size": 16, "stride": 16}),
        ("flat", "Flatten", {"start_dim": 2}),
        ("sequence", "Permute", {"dims": [0, 2, 1]}),
    )


def vit_b16() -> dict[str, Any]:
    """Dosovitskiy et al. 2020."""
    net = NetworkWriter()
    x = chain(
        net,
        patches(net, 768),
        ("token", "ClassToken"),
        ("places", "PositionalEmbedding", {"max_len": 197}),
        ("layers", "Block", {"block": "layer", "repeat": 12}),
        ("norm", "LayerNorm", {"eps": 1e-6}),
        ("first", "Select"),
        ("head", "Linear", {"out_features": 1000}),
    )
    return written("ViT-B/16", net, x, {"layer": encoder(768, 12, first=True, eps=1e-6)})


def gpt2_small() -> dict[str, Any]:
    """Radford et al. 2019: the output layer shares the weights of the embedding."""
    net = NetworkWriter()
    x = net("tokens", "Input", shape=[1024], dtype="int")
    x = chain(
        net,
        x,
        ("words", "Embedding", {"num_embeddings": 50257, "embedding_dim": 768}),
        ("places", "PositionalEmbedding", {"max_len": 1024}),
        ("drop", "Dropout", {"p": 0.1}),
        ("layers", "Block", {"block": "layer", "repeat": 12}),
        ("norm", "LayerNorm"),
    )
    x = net("head", "Linear", x, shares="words", out_features=50257, bias=False)
    return written("GPT-2 small", net, x, {"layer": encoder(768, 12, first=True, causal=True, gelu="tanh")})


def bert_base() -> dict[str, Any]:
    """Devlin et al. 2018: the encoder with its pooler, for 512 tokens, each with its sentence's embedding."""
    net = NetworkWriter()
    tokens = net("tokens", "Input", shape=[512], dtype="int")
    segments = net("segments", "Input", shape=[512], dtype="int")
    words = net("words", "Embedding", tokens, num_embeddings=30522, embedding_dim=768, padding_idx=0)
    places = net("places", "PositionalEmbedding", words, max_len=512)
    sentences = net("sentences", "Embedding", segments, num_embeddings=2, embedding_dim=768)
    x = chain(
        net,
        net("sum", "Add", places, sentences),
        ("norm", "LayerNorm", {"eps": 1e-12}),
        ("drop", "Dropout", {"p": 0.1}),
        ("layers", "Block", {"block": "layer", "repeat": 12}),
        ("first", "Select"),
        ("pooler", "Linear", {"out_features": 768}),
        ("act", "Tanh"),
    )
    return written("BERT base", net, x, {"layer": encoder(768, 12, first=False, eps=1e-12)})


def transformer_base() -> dict[str, Any]:
    """Vaswani et al. 2017: torch.nn.Transformer's own defaults, between sequences of vectors."""
    net = NetworkWriter()
    source = net("source", "Input", shape=[100, 512])
    target = net("target", "Input", shape=[80, 512])
    for number in range(6):
        source = net(f"encoder{number}", "TransformerEncoderLayer", source, nhead=8)
    memory = net("encoder_norm", "LayerNorm", source)
    for number in range(6):
        target = net(f"decoder{number}", "TransformerDecoderLayer", target, f"{memory}:memory", nhead=8, causal=True)
    return written("Transformer", net, net("decoder_norm", "LayerNorm", target))


def mlp_mixer() -> dict[str, Any]:
    """Tolstikhin et al. 2021, B/16: one network mixes the positions, another the channels."""
    block = NetworkWriter()
    x = block("x", "Input")
    h = chain(
        block,
        x,
        ("norm1", "LayerNorm", {"eps": 1e-6}),
        ("channels", "Permute", {"dims": [0, 2, 1]}),
        ("wide1", "Linear", {"out_features": 384}),
        ("act1", "GELU"),
        ("narrow1", "Linear", {"out_features": 196}),
        ("places", "Permute", {"dims": [0, 2, 1]}),
    )
    x = block("sum1", "Add", x, h)
    h = chain(
        block,
        x,
        ("norm2", "LayerNorm", {"eps": 1e-6}),
        ("wide2", "Linear", {"out_features": 3072}),
        ("act2", "GELU"),
        ("narrow2", "Linear", {"out_features": 768}),
    )
    block("result", "Output", block("sum2", "Add", x, h))
    net = NetworkWriter()
    x = chain(
        net,
        patches(net, 768),
        ("layers", "Block", {"block": "mixer", "repeat": 12}),
        ("norm", "LayerNorm", {"eps": 1e-6}),
        ("average", "Mean"),
        ("head", "Linear", {"out_features": 1000}),
    )
    return written("MLP-Mixer B/16", net, x, {"mixer": block})
