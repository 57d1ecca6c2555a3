"""What calls cost: charged before they are made, to books that all processes share."""
