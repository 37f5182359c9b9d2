import { WEBKIT } from "./_browsers.ts";
import { testIn } from "./_in_browser.ts";

testIn(WEBKIT);
