"""What is accepted and committed: prompt files and baseline snapshots."""
