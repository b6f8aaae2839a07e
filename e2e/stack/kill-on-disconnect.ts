/**
 * Loaded into every test process. When the run itself is killed, the process would live on, and with it all that its
 * tests started. SIGKILL, since vitest refuses process.exit.
 */
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
