"""The app in a real Chromium, with stores of any size, and what watching it costs a run."""
