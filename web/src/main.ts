import "@fontsource-variable/inter/wght.css";
import "./ui/app.css";
import { askEarly } from "./api/early";
import { Person } from "./session/person";
import { memory } from "./ui/openPanel";

// The server is asked at once, in the name of whoever works here; the page comes meanwhile.
new Person(memory());
askEarly();
void import("./page");
