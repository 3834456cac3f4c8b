"""Run the tools that ours is compared with, each in the environment of the peers."""
