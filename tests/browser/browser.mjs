// The browser that is installed: Debian's, or what CHROMIUM names.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const KNOWN = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? KNOWN.find((path) => existsSync(path));
  if (!executablePath) throw new Error("no Chromium found: install it, or name it in CHROMIUM");
  // The page is our own file, opened in a throw-away profile; a container seldom allows the browser's own sandbox.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}
