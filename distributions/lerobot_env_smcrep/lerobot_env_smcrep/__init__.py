"""Meta-World for LeRobot, registered when it imports its plug-ins; the simulator is imported when one is made."""

from lerobot_env_smcrep.configuration import SmcrepMetaworldConfig, SmcrepMetaworldStateConfig

__all__ = ["SmcrepMetaworldConfig", "SmcrepMetaworldStateConfig"]
