"""What Casemate gives to other tools, and takes from them."""
