"""What the service is measured against: the same question answered by others, as well as a good engineer would."""
