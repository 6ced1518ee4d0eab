"""Words to CLIP's tokens, and how many of the words those are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unstill_engine.renderers.torch.reading import last_read


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
        return last_read(self._tokenizer, text, self._tokenizer.model_max_length)
