"""Texts and sounds through the same code as pictures."""
