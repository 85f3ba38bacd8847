"""Our encoders as others take encoders in: OpenVLA, robomimic, DINO-WM, DP3, transformers. One file each; none of them
is needed to import ours."""
