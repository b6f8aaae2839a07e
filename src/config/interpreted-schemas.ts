import { z } from "zod";

// zod compiles a reader for each schema with `new Function`: 10 ms of the start, for schemas that are read a few times. It
// looks when a schema is made, so this is imported before any.
z.config({ jitless: true });
