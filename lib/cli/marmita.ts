/** The command `marmita`: its arguments in, its exit code out. */
import { main } from "./main.ts";

process.exit(await main(process.argv.slice(2)));
