"""Makes tiny chat models: one that says a sentence of the test's, and one of random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

BEGIN, END, UNKNOWN = "<|assistant|>", "<|end|>", "<|unknown|>"
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}" + BEGIN


def make(folder: Path, sentence: str, *, random: bool = False) -> None:
    """Write a model of one layer that says `sentence`, whose words all differ; `random`: any of its words, for ever.

    Its embeddings are unit vectors, its layer adds nothing, and what reads them out turns each word into the next one.
    """
    words = sentence.split(" ")
    assert len(set(words)) == len(words)
    vocabulary = {word: number for number, word in enumerate([BEGIN, *(f"▁{word}" for word in words), END, UNKNOWN])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=UNKNOWN, eos_token=END, pad_token=END, additional_special_tokens=[BEGIN]
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)

    size = 64
    assert len(vocabulary) <= size
    torch.manual_seed(1)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(vocabulary),
            hidden_size=size,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=None if random else vocabulary[END],
            pad_token_id=vocabulary[END],
        )
    )
    if not random:
        with torch.no_grad():
            model.model.embed_tokens.weight.copy_(torch.eye(size)[: len(vocabulary)])
            model.model.layers[0].self_attn.o_proj.weight.zero_()
            model.model.layers[0].mlp.down_proj.weight.zero_()
            following = [*range(1, len(words) + 2), vocabulary[END], vocabulary[END]]
            model.lm_head.weight.zero_()
            for word, then in enumerate(following):
                model.lm_head.weight[then, word] += 1
    model.generation_config.do_sample = False
    model.save_pretrained(folder)
