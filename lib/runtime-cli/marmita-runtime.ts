/** The command `marmita-runtime`: its arguments in, its exit code out. */
import { main } from "./main.ts";

// Not awaited at the top: it is bundled for CommonJS, too.
void main(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
