// Shows the service's own contract. A key that is typed in stays in this page.
window.onload = function () {
  window.SwaggerUIBundle({
    url: "openapi.yaml",
    dom_id: "#page",
    deepLinking: true,
    displayRequestDuration: true,
    persistAuthorization: false,
    validatorUrl: null,
  });
};
