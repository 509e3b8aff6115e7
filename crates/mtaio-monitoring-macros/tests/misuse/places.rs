use mtaio_monitoring_macros::trace;

#[trace]
struct NotAFunction;

#[trace]
const fn runs_in_the_compiler() {}

trait WithoutABody {
    #[trace]
    fn declared(&self);
}

fn main() {}
