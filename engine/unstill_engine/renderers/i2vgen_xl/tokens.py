"""Words to CLIP's tokens, and how many of the words those are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

_SHOWN = 40


class Words:
    """`tokenizer` is a CLIPTokenizer; its `model_max_length`, 77, counts the begin and the end too."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """(N, 77) ids; what is too long is cut, what is short is padded."""
        length = self._tokenizer.model_max_length
        rows = self._tokenizer(list(texts), padding="max_length", max_length=length, truncation=True).input_ids
        return torch.tensor(rows, dtype=torch.long)

    def last_read(self, text: str) -> str | None:
        """The last words that are within the limit, about 40 characters of them; None where all are."""
        length = self._tokenizer.model_max_length
        found = self._tokenizer(text, return_offsets_mapping=True)
        if len(found.input_ids) <= length:
            return None
        # the last place is taken by the end token; a letter of several tokens may stand on both sides of the cut
        (_, last_end), (left_out, _) = found.offset_mapping[length - 2 : length]
        read = text[: min(last_end, left_out)].rstrip()
        if len(read) <= _SHOWN:
            return read
        tail = read[-_SHOWN:]
        return "…" + (tail.partition(" ")[2].lstrip() or tail)
