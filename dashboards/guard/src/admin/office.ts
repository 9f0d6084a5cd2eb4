// What is loaded for the administration: every page of it.

export { default as AccessPoint } from "./AccessPoint.svelte";
export { default as AccessPoints } from "./AccessPoints.svelte";
export { default as Accounts } from "./Accounts.svelte";
export { default as Analytics } from "./Analytics.svelte";
export { default as Audit } from "./Audit.svelte";
export { default as Departments } from "./Departments.svelte";
export { default as Import } from "./Import.svelte";
export { default as Jobs } from "./Jobs.svelte";
export { default as Letters } from "./Letters.svelte";
export { default as Pass } from "./Pass.svelte";
export { default as Passes } from "./Passes.svelte";
export { default as Photos } from "./Photos.svelte";
export { default as Roles } from "./Roles.svelte";
export { default as RollOver } from "./RollOver.svelte";
export { default as School } from "./School.svelte";
export { default as Schools } from "./Schools.svelte";
export { default as SigningKeys } from "./SigningKeys.svelte";
export { default as Student } from "./Student.svelte";
export { default as Students } from "./Students.svelte";
export { default as Templates } from "./Templates.svelte";
export { default as WallScreens } from "./WallScreens.svelte";
