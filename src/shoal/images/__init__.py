"""The images room: bytes of any picture become a network's input and thumbnails, whatever the bytes are."""
