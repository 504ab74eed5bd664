import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** The server a developer runs beside `npm run dev`. */
const BACKEND = "http://127.0.0.1:8000";

// Everything is served from the site's root by Django; `dist/assets/` holds content-hashed names only,
// so it may be cached for ever while index.html never is.
export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/api": { target: BACKEND, changeOrigin: false } } },
  build: { outDir: "dist", assetsDir: "assets", target: "es2022", sourcemap: false },
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"], testTimeout: 30_000 },
});
