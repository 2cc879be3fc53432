//! The `tunectl` program.
fn main() -> std::process::ExitCode {
    tunectl::main()
}
