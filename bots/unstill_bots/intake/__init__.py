"""From a message to a queued job: written down first, then read, made safe and prepared."""
