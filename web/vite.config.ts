import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** The running server that `npm run dev` talks to. */
const server = process.env["SHOAL_SERVER"] ?? "http://127.0.0.1:8765";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../src/shoal/server/static",
    emptyOutDir: true,
    target: "es2022",
    // The page's content security policy allows no inline code and no data: fonts or styles.
    assetsInlineLimit: 0,
    // One style sheet, in the head: the page's part is there before the page.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/api": { target: server, ws: true, changeOrigin: true, headers: { origin: server } },
      "/open": { target: server, changeOrigin: true },
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
