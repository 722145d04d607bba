//! `cargo test --test drill`: one trial per fault of `faults.json`. Each starts a world of its own, switches the fault
//! on and demands that the right step sings.

use std::{process::ExitCode, sync::Arc};

use canaries::{
    suite,
    world::{SandboxWorld, WorldOptions},
};
use coalmine::{config::ConfigError, drill::DrillWorld};

fn main() -> ExitCode {
    coalmine::drill::main(suite, include_str!("faults.json"), world)
}

fn world() -> Result<DrillWorld, ConfigError> {
    let world = SandboxWorld::start(WorldOptions { proxy: true, ..WorldOptions::default() })?;
    let start = world.access().connect("sandbox of the drill", false)?;
    Ok(DrillWorld { start, world: Arc::new(world) })
}
