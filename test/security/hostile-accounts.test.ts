/** /etc/passwd and /etc/group that are huge, absent or lie: who runs is who was asked for, or nobody. */
import { accounts } from "../../fixtures/hostile/accounts.mjs";
import { describeHostileImages } from "../helpers/hostile.ts";

await describeHostileImages("an image", accounts);
