"""What commands leave behind, and the folder they leave it in."""
