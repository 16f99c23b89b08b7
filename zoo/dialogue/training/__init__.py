"""What the trainings of all dialogue networks share."""
