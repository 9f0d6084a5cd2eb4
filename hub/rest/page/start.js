// No validator, because that would be another host.
window.addEventListener("load", () => {
  const version = window.location.search === "?v2" ? "v2" : "v1";
  window.ui = SwaggerUIBundle({
    dom_id: "#reference",
    url: `/api/${version}/openapi.json`,
    validatorUrl: null,
    deepLinking: true,
  });
});
