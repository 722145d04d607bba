//! Routes and the list of them: what is said here once is both answered and held against the document.

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, MethodRouter, on},
};

/// Routes that are being gathered.
pub(super) struct Routes<S> {
    router: Router<S>,
    list: Vec<(Method, String)>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }

    /// Answers `GET`, and with it `HEAD`.
    pub(super) fn get<T: 'static>(self, path: &str, handler: impl Handler<T, S>) -> Self {
        self.one(Method::GET, path, on(MethodFilter::GET, handler))
    }

    pub(super) fn post<T: 'static>(self, path: &str, handler: impl Handler<T, S>) -> Self {
        self.one(Method::POST, path, on(MethodFilter::POST, handler))
    }

    /// Refuses `HEAD` where there is a `GET`: that is no operation, and not in the list.
    pub(super) fn without_head<T: 'static>(mut self, path: &str, refuse: impl Handler<T, S>) -> Self {
        self.router = self.router.route(path, on(MethodFilter::HEAD, refuse));
        self
    }

    /// Those of another list below a path. They have a state of their own.
    pub(super) fn nest<T: Clone + Send + Sync + 'static>(
        mut self,
        path: &str,
        routes: Routes<T>,
        finish: impl FnOnce(Router<T>) -> Router<S>,
    ) -> Self {
        self.list.extend(routes.list.into_iter().map(|(method, below)| (method, format!("{path}{below}"))));
        self.router = self.router.nest(path, finish(routes.router));
        self
    }

    fn one(mut self, method: Method, path: &str, route: MethodRouter<S>) -> Self {
        self.router = self.router.route(path, route);
        self.list.push((method, path.to_owned()));
        self
    }

    pub(super) fn router(self) -> Router<S> {
        self.router
    }

    #[cfg(test)]
    pub(super) fn list(&self) -> &[(Method, String)] {
        &self.list
    }
}
