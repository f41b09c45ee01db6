import type { Options } from "../src/recognizer.js";
import { byId, element } from "./dom.js";

const form = byId<HTMLFormElement>("options");
form.onsubmit = (event) => event.preventDefault();

/** Offer the options of a model with their defaults. */
export function showOptions(options: Options): void {
  const fields = Object.entries(options).map(([name, value]) => {
    const isSwitch = typeof value === "boolean";
    const input = isSwitch
      ? element("input", { name, type: "checkbox", checked: value })
      : element("input", { name, type: "number", value: String(value), step: "any" });
    return element("label", {}, name.replaceAll("_", " "), input);
  });
  form.replaceChildren(...fields);
  byId("option-box").hidden = fields.length === 0;
}

/** The options as they were chosen; without those of empty fields. */
export function chosenOptions(): Options {
  const inputs = [...form.querySelectorAll("input")].filter((input) => input.type === "checkbox" || input.value !== "");
  return Object.fromEntries(inputs.map((input) => [input.name, input.type === "checkbox" ? input.checked : number(input)]));
}

/** A number; that of hypotheses is whole and positive. */
function number({ name, valueAsNumber }: HTMLInputElement): number {
  return name === "nbest" ? Math.max(1, Math.round(valueAsNumber)) : valueAsNumber;
}
