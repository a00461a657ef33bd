// A rater's pages. Every page works without this file; it adds streams, drafts, keys and warnings.

import { startBattle } from "./raters-battle.js";
import { startCompare } from "./raters-compare.js";
import { startPlace } from "./raters-place.js";

const battle = document.querySelector("[data-battle]");
if (battle) startBattle(battle);

const compare = document.querySelector("[data-compare-form]");
if (compare) startCompare(compare);

const place = document.querySelector("[data-place]");
if (place) startPlace(place);
