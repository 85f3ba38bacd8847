"""The simulated world [sim]: objects, physics, sensors, `world.branch`, `generate.generate`. Import each from its own
file, so that only what is used loads MuJoCo or Open3D."""
