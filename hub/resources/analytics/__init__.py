"""What a school's numbers say; hub/jobs/counting.py counts them."""
