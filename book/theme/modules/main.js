// The page's start. Everything here adds to a page that is whole without it.

import { theme } from "./theme.js";
import { copyButtons } from "./copy.js";
import { sessions } from "./session.js";
import { live } from "./live.js";
import { questions } from "./questions.js";
import { search } from "./search.js";
import { scrollable } from "./scroll.js";
import { paper } from "./paper.js";
import { pictures } from "./pictures.js";
import { slides } from "./slides.js";

theme();
sessions();
copyButtons();
live();
questions();
search();
scrollable();
paper();
pictures();
slides();
