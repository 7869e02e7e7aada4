"""FastSpeech2: text to mel spectrograms to speech."""
