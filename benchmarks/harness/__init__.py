"""What every scenario shares: databases, restore, metrics, and the check of the environment."""
