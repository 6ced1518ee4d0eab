"""Words to CLIP's tokens, and how many of the words those are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from torch import Tensor

from unstill_engine.renderers.torch.reading import read_within

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
_WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
_LENGTH = 77


class Words:
    """`length` tokens are read, 77 of them in CLIP, begin and end included; what is short is padded with `padding`."""

    def __init__(self, tokenizer: Tokenizer, length: int, end: int, padding: int) -> None:
        self._tokenizer = tokenizer
        self._length = length
        self._end = end
        self._padding = padding

    @classmethod
    def load(cls, folder: Path) -> Words:
        """Read a checkpoint's folder `tokenizer`, as transformers' CLIPTokenizer does.

        Raises:
            OSError, ValueError, KeyError: what lies there is no such tokenizer.
        """
        said = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        begin, end = _token(said, "bos_token", BEGIN), _token(said, "eos_token", END)
        unknown, padding = _token(said, "unk_token", END), _token(said, "pad_token", END)
        vocabulary, merges = _model(folder)
        tokenizer = Tokenizer(
            BPE(vocabulary, merges, continuing_subword_prefix="", end_of_word_suffix="</w>", unk_token=unknown)
        )
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(_WORDS), "removed", invert=True), pre_tokenizers.ByteLevel(False)]
        )
        tokenizer.add_special_tokens([AddedToken(token) for token in dict.fromkeys((begin, end, unknown, padding))])
        ids = {token: int(tokenizer.token_to_id(token) or 0) for token in (begin, end, padding)}
        tokenizer.post_processor = processors.RobertaProcessing((end, ids[end]), (begin, ids[begin]), False, False)
        longest = int(said.get("model_max_length", _LENGTH))
        return cls(tokenizer, min(longest, _LENGTH), ids[end], ids[padding])

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """(N, 77) ids; what is too long is cut, what is short is padded."""
        rows = []
        for text in texts:
            ids = self._tokenizer.encode(text).ids
            if len(ids) > self._length:
                ids = [*ids[: self._length - 1], self._end]
            rows.append(ids + [self._padding] * (self._length - len(ids)))
        return torch.tensor(rows, dtype=torch.long)

    def last_read(self, text: str) -> str | None:
        """The last words that are within the limit, about 40 characters of them; None where all are."""
        return read_within(text, self._tokenizer.encode(text).offsets, self._length)


def _token(said: dict[str, Any], name: str, usual: str) -> str:
    token = said.get(name) or usual
    return str(token["content"] if isinstance(token, dict) else token)


def _model(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return vocabulary and merges: from tokenizer.json, else from vocab.json and merges.txt."""
    if (folder / "tokenizer.json").is_file():
        model = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
        pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
        return model["vocab"], [(left, right) for left, right in pairs]
    vocabulary, merges = BPE.read_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    return vocabulary, merges
