"""What I2VGen-XL's folder holds, as ali-vilab/i2vgen-xl is laid out."""

from __future__ import annotations

from unstill_engine.renderers.download import Contents

CONTENTS = Contents(
    weights=("unet", "vae", "text_encoder", "image_encoder"),
    files=(
        "scheduler/scheduler_config.json",
        "feature_extractor/preprocessor_config.json",
        "tokenizer/tokenizer_config.json",
    ),
    either=(("tokenizer/vocab.json", "tokenizer/tokenizer.json"),),
    more=("tokenizer/*",),
)
