// A rater's pages. Every page works without this file; it adds streams, drafts and keys.

import { startBattle } from "./raters-battle.js";
import { startCompare } from "./raters-compare.js";

const battle = document.querySelector("[data-battle]");
if (battle) startBattle(battle);

const compare = document.querySelector("[data-compare-form]");
if (compare) startCompare(compare);
