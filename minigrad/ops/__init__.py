"""Operations: every one is defined once, in the file of its family."""
