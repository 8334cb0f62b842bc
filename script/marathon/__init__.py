"""Hours of sound, faster than real time, through the real listener and the integration: what is behind script/soak."""
