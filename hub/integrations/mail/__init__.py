"""Mail to people: letters.py in hub/accounts asks for one, the job here writes it from a template and sends it."""
